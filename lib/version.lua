--- The program's version: what `tidelock version` says, and what every request says of its sender.
return "0.1.0"
