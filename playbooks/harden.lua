--- Hardens an account: each part also runs alone. What asks a person comes last, so that the rest is not kept waiting.
playbook {
  name = "harden",
  about = "Security services, the trail, retention of logs",
}

output(include("harden/security-services"))
include("harden/logs")
