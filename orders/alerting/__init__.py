"""What people are told: `causes` says what is wrong, `rules` (pure) what to tell of it and when, `watch` writes that
down, `delivering` sends it by the `channels`.
"""
