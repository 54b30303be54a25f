SELECT choice FROM conventions WHERE switch = 'business_day'
