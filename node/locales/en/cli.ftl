cli-x = y
