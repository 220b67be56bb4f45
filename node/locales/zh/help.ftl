help-x = y
