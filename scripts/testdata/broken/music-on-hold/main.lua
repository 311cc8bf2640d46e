extension("600", function(call)
  call:answer()
  call:hold { music = "waltz" }
  call:sleep("1m")
end)
