# What all pages share: the frame, codes, what is wrong.

page-skip = Перейти до вмісту
page-about-store = Про це сховище
page-close-message = Закрити це повідомлення
page-demonstration = Демонстрація: токени й люди тут вигадані.
page-rehearsal = Репетиція: зчитувачі й токени тут імітовані.
page-reference = Позначка для адміністратора:
page-sign-out = Вийти
page-language = Мова
page-copy = Копіювати
page-copied = Скопійовано
page-copy-by-key = Натисніть Ctrl+C
page-previous = Назад
page-next = Далі
page-pages = Сторінки цього списку
page-to-start = На початок
page-to-sign-in = До сторінки входу
page-to-home = Назад на вашу сторінку
page-continue = Далі
page-self-service = Самообслуговування
page-ask-whoever = Запитайте тих, хто дав вам цю адресу.

page-nothing-here = Тут нічого немає
page-not-allowed = Це не дозволено
page-not-signed-in = Ви не ввійшли
    .text = Увійдіть і спробуйте ще раз.
page-not-now = Не зараз
page-did-not-work = Не вдалося
page-nothing-changed = Нічого не змінено
page-no-self-service = За цією адресою немає самообслуговування
    .text = Перевірте адресу, яку вам дали, літера за літерою або запитайте того, хто її дав.
page-not-possible = Тут це неможливо
    .text = Це вимкнено, або вже немає чого робити.
page-too-old = Ця сторінка застаріла
    .text = Завантажте сторінку знову й повторіть те, що зробили.
page-too-many = Забагато спроб одночасно
    .text = Зачекайте хвилинку і спробуйте ще раз.
page-changed-meanwhile = Тим часом щось змінилося
    .text = Поверніться на свою сторінку й погляньте ще раз.
page-form-broken = Форма надійшла не повністю
    .text = Завантажте сторінку знову й повторіть те, що зробили.
page-does-not-work = Зараз це не працює
    .text = Це не ваша провина. Спробуйте ще раз за кілька хвилин.

code = Код
code-first = Перший код
code-next = Наступний код
code-third = Код після нього
code-nth = Код { $nth }
code-challenge = Спочатку введіть це в токен:
code-changed = Код змінився.
code-next-in = Наступний код за { $secs } с
code-empty = Введіть код, який показує токен.
code-digits = Код складається лише з цифр.
code-length = { $typed ->
    [one] Введено { $typed } цифру. Введіть усі цифри, які показує токен.
    [few] Введено { $typed } цифри. Введіть усі цифри, які показує токен.
   *[other] Введено { $typed } цифр. Введіть усі цифри, які показує токен.
    }
code-all-digits = Введіть усі цифри, які показує токен, і нічого більше.
code-hex = Код цього токена має шість знаків: від 0 до 9 і від a до f.
code-key = Ваш ключ сам вводить код: поставте курсор сюди і торкніться його.
    .layout = Ключ такого не вводить: перемкніть клавіатуру на англійську і торкніться ключа ще раз.
code-same-twice = Це знову той самий код: зачекайте, доки код на екрані зміниться, або натисніть ще раз.
code-next-too = Введіть також наступний код.

problem-too-long = Забагато символів: поміщається щонайбільше { $max }.
problem-character = Символ на місці { $position } тут не дозволено.
problem-login-empty = Введіть свій логін.
problem-serial-number-empty = Введіть серійний номер.
problem-serial-number-form = Серійний номер складається не лише з пробілів і рисок.
problem-e-mail-address-empty = Введіть адресу електронної пошти.
problem-e-mail-address-form = Адреса електронної пошти має вигляд name@example.org.
problem-phone-number-empty = Введіть номер телефону.
problem-phone-number-form = Номер телефону має код країни, наприклад +49 30 123456.

# What the frame says of requests that reach no page.
problem-not-found = За цією адресою нічого немає.
problem-method-not-allowed = Цю адресу не можна відкрити в такий спосіб.
problem-path-malformed = Ця адреса не є текстом UTF-8.
problem-foreign-origin = Цей запит надійшов не зі сторінки цієї служби.
problem-host-not-allowed = Ця служба не відповідає за цим іменем вузла; його треба додати до allowed_hosts.
problem-too-many-requests = Забагато запитів одночасно.
problem-stale = Запис тим часом змінився: спробуйте ще раз.
problem-store-unavailable = Сховище даних знову відкривається після збою.
problem-store-full = Диск служби заповнено.
problem-unexpected = Тут щось пішло не так; докладніше в журналі.
