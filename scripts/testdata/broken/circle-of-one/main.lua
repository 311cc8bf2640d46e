extension("600", function(call)
  call:redirect("600")
end)
