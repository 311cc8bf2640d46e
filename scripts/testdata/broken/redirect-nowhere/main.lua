extension("600", function(call)
  call:redirect("699")
end)
