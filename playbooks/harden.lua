--- Hardens an account: each part also runs alone. Who watches comes first, what asks a person last in each part, so
-- that little is kept waiting. What it found before anything was changed is kept, for validate/costs.
playbook {
  name = "harden",
  about = "All of it: who watches, buckets, databases, costs, logs, alarms",
}

output(include("harden/security-services"))
include("harden/costs")
include("harden/storage")
include("harden/database")
include("harden/logs")
include("harden/alarms")
