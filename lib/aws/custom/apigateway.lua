--- API Gateway answers in HAL unless it is asked for plain JSON.
return {
  request = function(_, req) req.headers.Accept = "application/json" end,
}
