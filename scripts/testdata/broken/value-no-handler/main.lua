extension("600", { name = "sales" })
