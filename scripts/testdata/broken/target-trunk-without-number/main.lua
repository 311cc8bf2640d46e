extension("600", function(call)
  call:bridge("trunk:pstn")
end)
