extension("600", function(call)
  call:record { beep = "yes" }
end)
