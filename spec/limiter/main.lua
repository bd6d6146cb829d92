-- main.lua -- the command line under tidelua, for specs that need it as a process: tidelua spec/limiter/main.lua WORDS
return require "cli".main(arg)
