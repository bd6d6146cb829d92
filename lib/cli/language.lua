--- The language of playbooks on a page: `tidelock help playbook`.
return [[
A playbook is a Lua file. It opens with a header, then says from top to bottom what shall be:

  playbook {name = "provision/messaging", about = "Queues", vars = {wait = {"seconds", default = 20}}}
  local dlq = ensure.sqs.queue {name = account.prefix .. "-jobs-dlq"}
  ensure.sqs.queue {name = account.prefix .. "-jobs", ReceiveMessageWaitTimeSeconds = var.wait,
    RedrivePolicy = {deadLetterTargetArn = dlq.arn, maxReceiveCount = 5}}

playbook {...}            the header: name, about, vars = {NAME = {TYPE, default =, about =, choices =, min =, max =}};
                          types: string, integer, number, boolean, seconds ("30m"), list, map (from include), secret (by
                          the name of the environment variable that holds it); owns = false: what is declared gets
                          no owner's tag, and no destroy or --prune deletes it
var.NAME                  a var, from --var NAME=VALUE or its default
account.NAME              the account file (--account); account.id, .region and .partition are of the run,
                          and account.file is its path, as a shell takes it
ensure.SERVICE.TYPE {...} a resource; properties are the API's own members, `name` stands for the key, documents are
                          tables, tags = {...}; also after = {...}, protect = true, ignore = {"Property"}.
                          It returns a handle: dlq.arn in another resource is the edge between the two, and
                          dlq.arn .. "/*" makes text of it. What is known only after apply cannot be branched on;
                          known(x) asks. Types: tidelock help types
find "name" {run =}       looks before it declares, in a plan too; in it owned {playbooks = {...}} lists what playbooks
                          own here, and retire(one) declares that one of these shall be no more
step "name" {run =, undo =, probe =, retry =, timeout =, when =, confirm =}
                          work that is no resource. What is declared above it is applied first. Its value is kept in the
                          journal; a resumed run does not repeat it. Only in here: aws.SERVICE:operation {...}
wait_until "name" {test =, every =, timeout =}     asks again and again until test() is true
approve "name"            asks a person, or parks the run until: tidelock resume RUN --approve NAME
park {"24h", why = "soak"}                         ends with exit 75; tidelock resume RUN goes on after it
check "name" {test =}     a proof: test() returns true, or false and the evidence
include("name", {vars})   runs another playbook in its own environment; returns what it puts out
output {name = value}     what the run tells at its end
seconds(n) minutes(n) hours(n) days(n)             units
now() random(...)         clock and chance that a resumed run sees again
keep(name, value)         leaves something for later runs in this account and region; recall(name) finds it there
print(...) log(...)       tells something; of a table what is in it, of a secret nothing
secret "text"             what is never shown; looks_secret(name, value) tells whether something had better be one
contains(list, value)     asks a list; listed(value) makes one of what may be one value or as many
policies                  what a policy lets in: .public .allows_service .denies_plaintext
json                      .encode .decode, exact both ways
In steps, checks and finds only: http.get http.post, redis.connect, tokenbucket.new, postgres.probe (is TLS a must?),
task.all .map .spawn .timeout .sleep .cancel. The playbook of a worker is one word, worker {...}: tidelock help worker.
Each is shown by example in docs/guide/playbooks.md.]]
