--- CloudFormation gives a JSON template back as text; it arrives as a table. YAML stays text.
return {
  output = function(call, out)
    if call.op.name == "GetTemplate" and type(out.TemplateBody) == "string" then
      local template = call.client.world.json.decode(out.TemplateBody)
      if type(template) == "table" then out.TemplateBody = template end
    end
    return out
  end,
}
