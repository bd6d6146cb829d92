-- XML answers of the rest-xml, query and ec2 protocols.
return require "fuzz.bodies" (function() end, "rest-xml", "query", "ec2")
