"""What people look at, made from the published file: the HTML page, the Excel bulletin, the bulletin text."""
