# Signing in, and proving that it is still the same person.

sign-in-title = Su token para { $place }
sign-in-heading = Su token
    .lead = Confirme un token que ha recibido, póngalo en hora o cambie lo que consta sobre usted.
sign-in-login = Su nombre de usuario
    .hint = El nombre que usa para este servicio.
sign-in-left = Ha cerrado la sesión.
sign-in-ended = Su sesión se ha cerrado.
    .text = Su visita se cerró después de un rato. No se ha perdido nada: vuelva a entrar.
sign-in-button = Entrar
sign-in-other-login = Empezar de nuevo con otro nombre de usuario

verify-title = Contraseña o código enviado
verify-heading = Un paso más, { $login }
verify-lead = Si consta una contraseña, escríbala. Si no, un código va de camino a su dirección de correo: escriba ese código. Sirve durante 10 minutos.
verify-secret = Contraseña o el código de nuestro correo
verify-empty = Escriba su contraseña o el código de nuestro correo.
verify-no-way = Desde aquí no se le puede dejar entrar.
    .text = Este navegador o este lugar no se parece a aquellos desde los que suele entrar. Ahora le enviaríamos un código, pero no hay manera de enviárselo. { $whom } Allí pueden dejarle entrar una vez.

# A link; what follows it brings its own colon.
restore-access = Recuperar el acceso
    .after-login = : ha perdido su token, su contraseña o su correo.
    .after-password = : ha perdido su token o ya no funciona.

otp-heading = El código de su token
    .lead = Pulse el botón, si su token tiene uno, y escriba las cifras que vea.
    .lead-letters = Escriba su PIN en la aplicación y aquí las seis cifras y letras que muestra.
otp-heading-key = El código de su llave
    .lead = Ponga el cursor en el campo y toque su llave: escribe el código ella misma.
otp-no-mail = Sus códigos llegan por correo, y ahora no hay manera de enviarle ninguno. { $whom }
otp-on-its-way = Un código va de camino a { $hint }: escríbalo, junto con su PIN si tiene uno. Sirve una vez, durante 10 minutos.
otp-none-on-its-way = Ahora no hay ningún código de camino: pida que se le envíe uno.
otp-mail-sent = Un código va de camino.
    .text = Uno anterior ya no sirve.
otp-emergency = ¿El servicio de ayuda le ha dado un código de emergencia? Escríbalo en su lugar.
otp-past = Este código ya no sirve.
    .text = Solo sirve el más reciente, y una vez.
otp-refused = Ese código no es correcto.
    .synchronize = Espere al siguiente y escríbalo; si tampoco es correcto, elija «Sincronizar».
    .ask = Espere al siguiente y escríbalo. Si tampoco es correcto, pida ayuda.
    .touch = Toque la llave otra vez. Si vuelve a fallar, pida ayuda.
otp-synchronize = Sincronizar
    .lead = El reloj de un token puede adelantar o atrasar. Escriba códigos seguidos y lo ponemos en hora; entrará enseguida.
    .button = Sincronizar y entrar
otp-synchronized = Su token vuelve a estar en hora.
    .text = Escriba ahora el siguiente código; si su token tiene un PIN, junto con él.

unusual-heading = También un código
    .lead = Este navegador o este lugar no se parece a aquellos desde los que suele entrar.
unusual-on-its-way = Un código va de camino a su dirección de correo: escriba ese código. Sirve durante 10 minutos.
unusual-none-on-its-way = Por eso hace falta también un código enviado por correo, y ahora no hay ninguno de camino: pida que se le envíe uno.
unusual-sent = Otro código va de camino.
    .text = El anterior ya no sirve.

mailed-code = El código de nuestro correo
    .digits = Ocho cifras.
    .digits-and-life = Ocho cifras. Sirve durante diez minutos.
    .empty = Escriba el código de nuestro correo.
    .send = Enviarme un código
    .send-another = Enviarme otro código
    .none-came = ¿Ningún correo después de unos minutos? Mire entre los no deseados. Con un código nuevo, el anterior ya no sirve.
mails-enough = Ya se han enviado bastantes correos por ahora.
    .text = Se envían como mucho tres códigos en un cuarto de hora. Mire entre los correos no deseados o espere.

# The title of what was refused, and what to do, by what was typed.
did-not-fit = Eso no es correcto.
    .secret = Compruebe el teclado y escríbalo de nuevo. Si se le ha enviado un código, solo sirve el más reciente.
    .password = Compruebe el teclado y escríbala de nuevo.
    .next-code = Espere al siguiente y escríbalo.
    .touch = Toque la llave otra vez.
    .mailed-code = Solo sirve el código más reciente, una vez y durante diez minutos.
code-used = Este código ya se ha usado.
challenge-past = Esta pregunta ya no vale.
    .text = Cada una sirve una vez, durante cinco minutos. Responda a la que aparece ahora.
keypad-silent = Ahora no se puede preguntar a su token.
    .pin = Su PIN entra en cada código y aquí aún no se conoce: primero hay que registrarlo. { $whom }
    .session = En sus respuestas entran datos que solo conoce el programa que le pregunta: se usa allí, no en estas páginas. { $whom }
    .used-up = Ya se le han preguntado casi todos los números que conoce, y ninguno se pregunta dos veces: necesita otro token. { $whom }
tries-too-many = Ha habido demasiados intentos fallidos.
tries-next = El próximo intento será posible dentro de { $wait }.
tries-ask = Pida a quienes atienden este servicio que se lo vuelvan a abrir.

prove-heading = ¿Sigue siendo usted?
prove-why =
    .login = Preguntamos otra vez antes de cambiar su nombre de usuario: { prove-because }
    .email = Preguntamos otra vez antes de cambiar su dirección de correo: { prove-because }
    .first-password = Preguntamos otra vez antes de que tenga una contraseña: { prove-because }
    .password = Preguntamos otra vez antes de cambiar su contraseña: { prove-because }
    .trust = Preguntamos otra vez antes de confiar en un entorno: { prove-because }
    .forget = Preguntamos otra vez antes de olvidar un entorno: { prove-because }
    .another-token = Preguntamos otra vez antes de que otro token sea suyo: { prove-because }
    .reassign = Preguntamos otra vez antes de que otro token sustituya al suyo: { prove-because }
    .unassign = Preguntamos otra vez antes de que devuelva su token: { prove-because }
    .remove-pin = Preguntamos otra vez antes de quitar el PIN de su token: { prove-because }
prove-because = alguien que pase por ahí podría usar una página abierta. La respuesta vale cinco minutos.
prove-code = Escriba el código que su token muestra ahora.
    .one-of-several = Escriba el código que uno de sus tokens muestra ahora.
prove-code-elsewhere = Escriba el código que su token para { $place } muestra ahora.
prove-which-token = Qué token
    .keypad = { $token }: escriba primero { $challenge } en él
prove-mail-to = Enviamos un código a { $hint }.
prove-mail-sent = Un código va de camino a { $hint }.
prove-mails-enough = Ya se han enviado tres correos.
    .text = El último código aún sirve, diez minutos desde que se envió. Mire entre los correos no deseados o vuelva a intentarlo dentro de un cuarto de hora.
prove-nothing = No hay nada con lo que pueda demostrarlo.
    .text = No consta ni un token ni una contraseña, y no se puede enviar ningún código. { $whom }
your-password = Su contraseña
    .empty = Escriba su contraseña.

type-again-codes = Escriba los códigos otra vez.
type-again-secret = Escriba la clave secreta otra vez.
type-again-rest = Lo demás sigue aquí.
