--- Week one's provisioning in one apply: queues and tables, then what tells people about money.
playbook {
  name = "provision/all",
  about = "Queues, tables, cost topic, budget and anomaly detection",
}

output(include("provision/messaging"))
output(include("provision/costs"))
