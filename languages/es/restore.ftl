# Restore access, and the pages of the links in its mails.

restore-lead = ¿No puede entrar como { $login }?
restore-lead-say = Diga qué no puede usar, y quienes atienden { $place } le dejarán entrar de nuevo en cuanto sepan que es usted.
restore-lost = ¿Qué no puede usar?
    .token = Mi token o el teléfono con la aplicación: perdido, roto o no tengo
    .password = Mi contraseña: olvidada o no tengo
    .email = Mi correo: no puedo leerlo o no consta ninguno
    .hint = Marque también lo que nunca ha tenido. Del resto le pediremos algo.
problem-nothing-lost = Marque lo que no puede usar.

restore-have = ¿Qué le queda?
    .lead = Basta con una cosa. Deje vacío lo que no tenga a mano.
    .nothing = Si nada de eso está a su alcance, empiece de nuevo y márquelo también.
    .empty = Escriba una de estas cosas. Si ninguna está a su alcance, empiece de nuevo y márquela también.
    .refused = Escríbalo otra vez o deje vacío aquello de lo que no esté seguro. De los códigos enviados solo sirve el más reciente; de un token, el código que muestra ahora.
restore-code = { mailed-code }
    .hint = Si consta una dirección de correo, un código va de camino a ella. Sirve durante diez minutos, en esta página y en ninguna otra parte.

restore-password = Su nueva contraseña
    .lead = Sustituye a la anterior cuando se aprueba su solicitud. Nadie la ve, nosotros tampoco.
    .new = Nueva contraseña
    .hint = Al menos { $least } caracteres: unas cuantas palabras que solo usted juntaría.
    .again = La misma otra vez
    .empty = Escriba la nueva contraseña.
    .differ = Las dos no son iguales: escriba otra vez la nueva contraseña.
problem-password-short = { $typed ->
    [one] La contraseña tiene { $typed } carácter, hacen falta al menos { $least }.
   *[other] La contraseña tiene { $typed } caracteres, hacen falta al menos { $least }.
    }
problem-password-long = La contraseña tiene { $typed } caracteres, caben como mucho { $most }.
problem-password-common = Esta contraseña está entre las primeras que se prueban; elija otra.

restore-email = Su nueva dirección de correo
    .lead = No se le envía nada antes de que se apruebe su solicitud. Entonces llega allí un enlace; hasta que lo abra, queda la dirección anterior.
    .new = Nueva dirección de correo

restore-send = Enviar su solicitud
    .lead = Pide acceso como { $login }:
    .button = Enviar la solicitud
restore-asks =
    .token = Si tiene un token, se desactiva; entra sin él y prepara otro.
    .password = La contraseña que ha escrito sustituye a la anterior.
    .email = Se envía un enlace a { $to }, que será su dirección cuando lo abra.
restore-enough = Ya hay bastantes solicitudes por ahora.
    .text = Han llegado muchas solicitudes de su red. La próxima será posible dentro de { $wait }.

restore-sent = Su solicitud tiene un número
    .keep = Anótelo
    .number = el número
    .next = Qué viene ahora
restore-next-call = Llame o visite a quienes atienden { $place } y léales el número.
restore-next-identity = Le preguntarán quién es, a su manera.
restore-next-two = Desde aquí no ha podido demostrar nada, así que deben estar de acuerdo dos de ellos.
restore-next-two-wait = Desde aquí no ha podido demostrar nada, así que deben estar de acuerdo dos de ellos, y la solicitud tiene efecto { $wait } después.
restore-next-link = Abra después el enlace que llega a su nueva dirección: sirve durante un día.
restore-next-sign-in = Entre después con lo que tiene ahora.
restore-next-found = ¿Ha encontrado lo perdido? Entre como siempre: eso borra la solicitud. Si nadie decide, termina a los 30 días.
restore-start-again = Empezar de nuevo
restore-to-sign-in = Volver a la entrada

link-cancel = Una solicitud de acceso
    .text = Alguien ha pedido acceso en su nombre: { $when }, desde la dirección de red { $address }. La solicitud tiene el número { $reference }.
    .button = Anular la solicitud
    .otherwise = Si ha sido usted, cierre esta página: la solicitud queda.
link-cancelled = La solicitud está anulada
    .text = En su nombre no cambia nada. Si vuelve a ocurrir, pida ayuda.
link-email = { restore-email }
    .text = { $to } será su dirección de correo para { $place }. Se avisa a la anterior.
    .button = Usar esta dirección
    .otherwise = Si no lo ha pedido, cierre esta página: no cambia nada.
link-email-changed = Su dirección de correo ha cambiado
    .text = Los códigos y avisos llegan allí a partir de ahora. Se avisa a las dos direcciones.
link-useless = Este enlace ya no sirve
    .text = Ya se ha usado, es demasiado antiguo o aquello para lo que servía ha terminado.
