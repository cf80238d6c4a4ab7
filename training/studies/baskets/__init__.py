"""The study of next baskets: what will each user's next basket hold?"""
