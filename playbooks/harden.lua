--- Hardens an account: each part also runs alone. Who watches comes first. What asks a person is left out where nobody
-- is there, and told at the end; databases come last, because there nothing may go on without an answer.
playbook {
  name = "harden",
  about = "All of it: who watches, costs, buckets, logs, alarms, databases",
}

output(include("harden/security-services"))
include("harden/costs")
include("harden/storage")
include("harden/logs")
include("harden/alarms")
include("harden/database")
