extension("600", function(call)
  log.info("größer als früher") log.info(nme)
  call:answer()
end)
