--- Hardens an account: each part also runs alone. Who watches comes first. What asks a person is left out where nobody
-- is there, and told at the end; databases come last, because there nothing may go on without an answer.
playbook {
  name = "harden",
  about = "All of it: who watches, who comes in, costs, buckets, queues, tables, containers, logs, alarms, databases",
  vars = {
    global = {"boolean", default = true, about = "this is the account's first region, which records what belongs to"
      .. " none and gathers all findings; false in each other one"},
  },
}

output(include("harden/security-services", {global = var.global}))
include("harden/identities")
include("harden/costs")
include("harden/storage")
include("harden/queues")
include("harden/tables")
include("harden/containers")
include("harden/logs")
include("harden/alarms")
include("harden/database")
