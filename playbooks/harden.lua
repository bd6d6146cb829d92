--- Hardens an account: each part also runs alone. Who watches comes first. What asks a person is left out where nobody
-- is there, and told at the end; databases come last, because there nothing may go on without an answer.
playbook {
  name = "harden",
  about = "All of it: who watches, who comes in, costs, buckets, queues, tables, containers, logs, alarms, databases",
}

output(include("harden/security-services"))
include("harden/identities")
include("harden/costs")
include("harden/storage")
include("harden/queues")
include("harden/tables")
include("harden/containers")
include("harden/logs")
include("harden/alarms")
include("harden/database")
