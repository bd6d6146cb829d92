# demo.sh -- what `make demo` shows inside the sandbox: plan and apply what an account needs, harden it, apply again
# without a write, a look with any AWS call, the journal, and the security runbook.
set -eu
TIDELOCK_STATE=$(mktemp -d)
export TIDELOCK_STATE
trap 'rm -rf "$TIDELOCK_STATE"' EXIT
show () { printf '\n$ tidelock %s\n' "$*"; tidelock "$@"; }

show plan playbooks/provision/messaging.lua --account example
show apply playbooks/provision/messaging.lua --account example --yes --quiet
show plan playbooks/harden.lua --account example --quiet
show apply playbooks/harden.lua --account example --yes
show apply playbooks/harden.lua --account example --yes --quiet
show call sqs list-queues --query 'QueueUrls[]'
show runs
# Not all is done by these two playbooks: the runbook says so by its exit code, 1 for critical and 2 for a warning.
code=0
show run playbooks/runbooks/security.lua --account example || code=$?
printf '\nexit code %d\n' "$code"
[ "$code" -le 2 ]
