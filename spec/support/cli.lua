-- cli.lua -- the command line from the tree's own lib/: what specs run as a process where the binary is not built.
return require "cli".main(table.move(arg, 1, #arg, 1, {}))
