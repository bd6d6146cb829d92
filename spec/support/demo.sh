# demo.sh -- what `make demo` shows inside the sandbox: plan, apply, apply again, and a look at what is there.
say () { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }
book=playbooks/provision/messaging.lua
account=playbooks/accounts/example.lua

say tidelock plan $book --account $account
say tidelock apply $book --account $account --yes
say tidelock apply $book --account $account --yes
say tidelock call sqs list-queues --query 'QueueUrls[]' --output text
