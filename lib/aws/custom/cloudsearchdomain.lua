--- CloudSearch: a long query does not fit into a URL, so that a search is sent as a form.
return {
  request = function(call, req)
    if call.op.name ~= "Search" or req.method ~= "GET" then return end
    req.method, req.body, req.query = "POST", req.query, ""
    req.headers["Content-Type"] = "application/x-www-form-urlencoded"
  end,
}
