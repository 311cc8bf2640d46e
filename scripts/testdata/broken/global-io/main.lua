extension("600", function(call)
  call:answer()
  io.write("hello")
end)
