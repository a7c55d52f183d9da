# Signing in, and proving that it is still the same person.

tries-too-many = There were too many tries that did not fit.
tries-next = The next try is possible in { $wait }.
tries-ask = Ask the people who look after this service to open it again.
mails-enough = There were enough mails for now.
    .text = At most three codes are mailed in a quarter of an hour. Look among the unwanted mails, or wait.
type-again-codes = Type the codes once more.
type-again-secret = Type the secret once more.
type-again-rest = The rest is here still.
