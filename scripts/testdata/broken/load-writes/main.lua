list("vips"):add("201")
extension("600", function(call)
  call:answer()
end)
