extension("600", function(call)
  call:readDigits { max = "4" }
end)
