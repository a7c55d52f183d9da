# Users, the lists that they come from, and the resources that they log in to.

users-search = Login, name or e-mail
    .button = Search
users-empty = Nobody fits.
    .text = Search for less, or add the person below.
users-add = Add a user
    .button = Add the user
users-active = Active
users-blocked = Blocked
users-stranded = Cannot sign in
users-signs-in = Signs in with
users-signs-in-password = password
users-signs-in-password-token = password and token
users-signs-in-mail = mailed code
users-signs-in-mail-token = mailed code and token
users-signs-in-nothing = nothing yet

user-page-title = User { $login }
user-page-stranded = This user cannot sign in to the portal.
    .text = Neither a password nor an e-mail address is on record. Add one of them below.
user-page-blocked = Blocked after wrong tries.
    .text = { $blocks }. Make sure that it is the person who asks.
user-page-block-until = { $what } until { $moment }
user-page-block-lasts = { $what } until an operator unblocks
user-page-unblock = Unblock
user-page-no-token = No token.
    .text = Hand one out at the station, or assign one on a resource.
user-page-former-logins = Former logins
user-page-no-resource = On none yet. Assign this user on a resource's Users tab.
user-page-with-token = with token { $serial }
user-page-beside-token = beside token { $serial }
user-page-without-token = without a token
user-page-edit = Edit
    .hint = A new e-mail address or password is told to the old address. A new login: integrations find people by it.
user-page-phone = Phone
user-page-first-name = First name
user-page-last-name = Last name
user-page-language = Language of mails
    .hint = Without one: English.
    .unknown = Not known
user-page-password = Password
    .hint = Left empty: none is set, and an old one stays.

user-code = Emergency code
    .text = For a person whose token is not at hand. It stands in for the code of the token, never for the password, and ends when a token is confirmed. An earlier one ends with a new one; the person is told by mail.
user-code-present-once = One works once, until { $moment }; issued by { $operator }.
user-code-present-many = One works as often as needed, until { $moment }; issued by { $operator }.
user-code-issued = Write it down or read it out now: it is not shown again.
user-code-the-code = the code
user-code-until = It holds until { $moment }.
user-code-typed = { $name } types it where the code of the token is asked for, after the password.
user-code-refused = No code was issued.
user-code-revoke = Take it back
user-code-note = How you made sure who the person is
    .hint = Goes to the audit log.
user-code-holds = It holds
user-code-1-hour = 1 hour
user-code-8-hours = 8 hours
user-code-24-hours = 24 hours
user-code-3-days = 3 days
user-code-7-days = 7 days
user-code-works = It works
user-code-once = Once
user-code-many = As often as needed until then
user-code-lost = The token is lost: switch it off, so that another can take its place
user-code-issue = Issue a code

users-import = Import users
    .link = Import a list
users-import-file = The list of users
    .hint = CSV, with commas or semicolons. Nothing is stored before you have seen the plan.
    .button = Read the file
    .back = Back to the users
users-import-here-already = When a login is here already
    .fail = Call it a conflict
    .fill = Fill what is empty, overwrite nothing
users-import-looks = What the file looks like
    .columns = One line for each user: login, e-mail, phone, first name, last name, then pairs of resource and serial number of a token. Only the login must be there. A resource without a serial number puts the user there without a token; with one, the two become a pair there.
    .first-line = A first line with these names may bring the columns in another order. Passwords do not come from files.
    .example = the example
users-import-not-read = The file was not read.
    .text = { $problem } Choose the file again. Nothing has been stored.
users-import-changed = Nothing was imported.
    .text = Something changed since the plan was made. This is the plan now.
users-import-plan = { $counts }.
    .nothing = { $counts }. There is nothing to import.
users-import-count-new = { $count } new
users-import-count-filled = { $count } filled
users-import-count-identical = { $count } already here
users-import-count-conflicts = { $count } in conflict
users-import-count-rejected = { $count } rejected
users-import-lines = Lines that need your eyes
    .more = The first 1,000 lines are shown.
    .line = Line
    .column = Column
    .verdict = Verdict
    .reason = Why, and what to do
users-import-new = New
users-import-filled = Filled
users-import-identical = Already here
users-import-conflict = Conflict
users-import-rejected = Rejected
users-import-way-all = Import { $users }
users-import-way-good = { $good ->
    [one] Import the good one
   *[other] Import the { $shown } good ones
    }
users-import-way-fill = Plan again, filling what is empty
users-import-choose-other = Choose another file
users-import-done = { $new ->
    [0] No user is new.
    [one] 1 user is here.
   *[other] { $shown } users are here.
    }
users-import-done-filled = { $users } got what was empty.
users-import-done-left = { $left ->
    [one] 1 line of the file was not imported.
   *[other] { $shown } lines of the file were not imported.
    }
users-import-to-users = To the users
users-import-next = Import another file

resource-resource = Resource
resource-about = What people log in to. Each can have a self-service portal of its own.
resource-empty = No resource yet.
    .text = Add the first one below: VPN, mail, whatever asks for a code.
resource-add = Add a resource
    .button = Add the resource
    .hint = As people know it. It can be changed later.
resource-on = On
resource-off = Off

resource-tabs = About this resource
resource-overview = Overview
resource-selfservice = Self-Service
resource-look = Look
resource-pairs = Tokens with Users
resource-unconfirmed = Not yet confirmed

resource-portal-on = on, { $actions }
resource-portal-off = off
resource-failure-limit = Wrong codes before a wait
resource-window = Window in the portal
    .text = { $duration } to either side, { $counters } counters

resource-tab-users = Users who may sign in here and open the portal. Those with a token are under Tokens with Users.
    .empty = No user here yet.
    .text = Assign the first one below.
    .form = Assign a user
resource-tab-tokens = All tokens that stand here, by themselves or with their batch.
    .empty = No token here yet.
    .text = Give a batch to this resource, or assign a single token below.
    .form = Assign a token
resource-tab-pairs = These users need the code of this token to sign in here.
    .empty = No pair yet.
    .text = Users make them in the portal by confirming their token.
    .form = Assign a token with a user
resource-tab-unconfirmed = Tokens that stand here and whose users have not proved yet that they have them.
    .empty = Everything here is confirmed.
    .text = Tokens of a batch that is given to this resource show here until they are.
resource-assigned-here = Assigned here
resource-user = User
    .field = User (login)
resource-token = Token
    .field = Token (serial)
resource-assign = Assign
resource-unassign = Unassign
resource-pair = Pair
resource-assigned = Assigned

resource-reminders = Reminders
    .button = Remind them by mail
resource-reminders-can = { $people ->
    [0] Nobody waits for a reminder.
    [one] 1 person can be reminded by mail now.
   *[other] { $people } people can be reminded by mail now.
    }
resource-reminders-had = { $people ->
    [one] 1 person had a reminder within a day.
   *[other] { $people } people had a reminder within a day.
    }
resource-reminders-no-address = No mail address, so no reminder:
    .more = and { $number } more

resource-enable = Enable User's Self-Service for This Resource
    .leave = Leave it off
resource-is-off = Self-Service is off
    .text = Switched on, users of this resource confirm their tokens, bring them back in time and change their data by themselves, at an address of their own.
resource-alias = Alias
    .hint = The last part of the address that users open: small letters, digits and dashes, up to 63.
    .change = Change the alias
    .change-hint = A change frees the old address at once.
resource-address = Address for the users
    .copy = the address
    .qr = QR code of the address
    .open = Open the portal
resource-actions = Actions, in the order users see them
resource-action-up = Move { $action } up
resource-action-down = Move { $action } down
resource-types = Token types for Register New Token
    .button = Save the types
resource-type-hardware = Hardware
    .label = Token with a display
resource-type-software = Software
    .label = App on a phone
resource-type-universal = Universal
    .label = Any OATH token
resource-type-mail = Mail
    .label = Codes by mail, beside a password
resource-pins-and-apps = PINs and apps
    .button = Save PINs and apps
resource-pin-length = Length of a PIN
resource-pin-length-4 = 4 digits
resource-pin-length-5 = 4 or 5
resource-pin-length-6 = 4 to 6
resource-pin-length-7 = 4 to 7
resource-pin-length-8 = 4 to 8
resource-pin-placement = Where the PIN stands
resource-pin-free = As each user likes
resource-pin-after = After the code
resource-pin-before = Before the code
resource-app-hash = Hash for new apps
resource-app-sha1 = SHA-1, as usual
resource-app-sha256 = SHA-256
resource-app-sha512 = SHA-512
resource-app-digits = Digits that new apps show
resource-app-6 = 6, as usual
resource-app-8 = 8
resource-environments = Sign-ins from unusual environments
    .text = An environment is browser, system, language, time zone, screen and network. All of it can be imitated: this tells the unusual, it proves nothing. A user's first sign-in is never unusual, nor is the next one after
resource-policy = What happens
resource-policy-off = Nothing
resource-policy-report = The user is told
resource-policy-ask-otp = Who has no token gives a mailed code, too
resource-policy-refuse = Nobody is let in, and the user is told
resource-score = Least likeness that is usual, 0 to 100
    .hint = 70: another network and another time zone or screen still are. Another browser is not.
resource-restore = Restore access
    .text = Who proved something of what is left needs one operator. Who can prove nothing needs two, and then this wait, in which whoever reads the old e-mail can cancel the request.
    .button = Save the wait
resource-restore-wait = Wait in hours, 0 to 336
    .hint = 24 as usual. 0: at once.
resource-keypads = Tokens with a keypad
    .text = Who registers such a token is asked before its serial number is known, so all are asked alike. Later each is asked as its suite says.
    .question = Format of the question
    .hint = QN08: eight digits, which nearly every keypad takes. QA and QH ask letters and digits, or hexadecimal digits.
resource-disable = Switch Self-Service off
    .text = Everybody who is signed in there is signed out. The settings are kept.
    .button = Disable Self-Service
resource-preview = What users see
    .hello = Hello, Tess
    .nothing = No action is on: the page says so and names whom to ask.
resource-see = What would this user see?
    .button = Look
resource-seen = { $login } would see { $actions }.
    .hidden = Hidden, and why

look-portal = Look of the portal
look-shown-name = Shown name
    .hint = What its pages call this resource; left empty: by its name.
look-colour = Colour
    .hint = As #0b5f70, dark enough for white text on it. Dark pages get a lighter shade of it.
look-logo = Logo
    .hint = PNG, JPEG or WebP, at most 64 KiB. Left empty: the one that is there stays.
    .remove = Take the logo away
look-help = Whom to ask
    .hint = Shown at the foot of each page: an address, a phone number. Plain text, at most 500 characters.
look-preview = Preview
    .button = Preview the colour
    .trial = This is what you typed. Nothing is saved yet; choose the logo again when you save.
    .link = A link looks like this
look-light = light
look-dark = dark
