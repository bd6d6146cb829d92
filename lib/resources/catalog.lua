--- Which resource types there are: a word here is a file beside it, lib/resources/SERVICE/WORD.lua.
return {
  dynamodb = {"table"},
  sqs = {"queue"},
}
