# Lo que las personas cambian de sí mismas, con qué y desde dónde entran.

login-lead = Su nombre de usuario es { $login }. Después del cambio entrará con el nuevo; nadie más recibe el anterior.
login-others = Otros le encuentran por su nombre de usuario.
    .text = Además de { $place }, quizá otros servicios le conozcan por él y ya no le encontrarían. Pregunte antes si no está seguro.
login-new = Nuevo nombre de usuario
login-button = Cambiar el nombre de usuario
login-spent = Ha probado muchos nombres de usuario que ya están ocupados. Inténtelo mañana o pida ayuda.
problem-login-taken = Este nombre de usuario está ocupado: elija otro.
problem-login-changes-spent = Su nombre de usuario ya ha cambiado muchas veces: pida ayuda para cambiarlo de nuevo.
problem-login-is-address = Esta palabra forma parte de las direcciones de aquí, así que nadie puede llamarse así: elija otro nombre de usuario.

name-lead = Así nos dirigimos a usted en los correos y así le encuentra el servicio de ayuda.
name-first = Nombre
name-last = Apellidos
name-button = Guardar el nombre
name-chars = Un nombre tiene como mucho 64 caracteres.

phone-lead = El servicio de ayuda puede llamar a ese número para saber si es usted. No hay llamadas automáticas.
phone-number = Número de teléfono
    .hint = Con el prefijo del país, como +49 30 123456. Déjelo vacío para quitar el número.
phone-button = Guardar el número

password-create = A partir de entonces entrará con ella; ya no se enviarán códigos para eso.
    .button = Crear la contraseña
password-change = En los demás sitios donde tenga la sesión abierta, se cerrará.
    .button = Cambiar la contraseña
password-hint = Al menos { $least } caracteres. Unas cuantas palabras que solo usted junte van bien.
password-old = Contraseña anterior
    .empty = Escriba la contraseña que tiene ahora.
    .refused = Esa no es la contraseña que consta. Compruebe el teclado.
password-again = Nueva contraseña otra vez
    .differ = Las dos no son iguales: escriba la nueva contraseña en los dos campos.
problem-password-same = Es lo que se ha escrito como contraseña anterior: elija otra.

email-first = Todavía no consta ninguna dirección. Enviamos un código a la nueva; nada cambia hasta que lo escriba aquí.
email-another = Su dirección es { $present }. Enviamos un código a la nueva; hasta que lo escriba aquí, queda la anterior. Se avisa a las dos.
email-code-life = Ocho cifras. Sirve durante diez minutos, en esta página y en ninguna otra parte.
email-code-old = El código es demasiado antiguo.
    .text = Sirve durante diez minutos. Pida que se le envíe otro.
email-code-refused = Solo sirve el código más reciente, durante diez minutos.
email-nothing-came = ¿No ha llegado nada?
    .text = Mire entre los correos no deseados o pida otro código. Con un código nuevo, el anterior ya no sirve.
email-enough = Se envían como mucho tres códigos en un cuarto de hora. Espere ese tiempo e inténtelo otra vez.
problem-email-same = Esa ya es su dirección.

pin-lead = El PIN se escribe junto con cada código, así que un token encontrado no le sirve a nadie.
pin-new = PIN
pin-length = De 4 a { $most } cifras, no todas iguales ni seguidas.
pin-length-four = Cuatro cifras, no todas iguales ni seguidas.
pin-again = El mismo PIN otra vez
    .differ = Los dos no son iguales. Escriba dos veces el mismo PIN.
pin-where = Dónde lo escribe
    .after = Después del código
    .before = Antes del código
pin-fixed =
    .after = Lo escribe después del código.
    .before = Lo escribe antes del código.
pin-example = Con el PIN 2580 y el código 123456: después del código es 1234562580, antes es 2580123456.
pin-button = Establecer el PIN
pin-done = Su token tiene ahora un PIN
    .text = El PIN está establecido.
    .after = Cuando se pida un código, escriba el código y justo después el PIN.
    .before = Cuando se pida un código, escriba el PIN y justo después el código.
problem-pin-digits = Un PIN solo tiene cifras.
problem-pin-length = { $typed ->
    [one] Un PIN tiene de 4 a { $most } cifras; se ha escrito { $typed }.
   *[other] Un PIN tiene de 4 a { $most } cifras; se han escrito { $typed }.
    }
problem-pin-length-four = { $typed ->
    [one] Un PIN tiene cuatro cifras; se ha escrito { $typed }.
   *[other] Un PIN tiene cuatro cifras; se han escrito { $typed }.
    }
problem-pin-guessed = Este PIN está entre los primeros que cualquiera prueba: elija cifras que no sean todas iguales y que no suban ni bajen seguidas.

pin-remove = ¿Quitar el PIN?
    .button = Quitar el PIN
pin-remove-text = A partir de entonces basta con el código del token { $serial }, para quien tenga el token.
pin-removed = Su token ya no tiene PIN
    .text = El PIN se ha quitado.
    .next = Cuando se pida un código, escriba solo el código.

unassign-sure = ¿Devolver el token { $serial }?
unassign-means = { $place } ya no pide sus códigos. Solo usted podrá registrarlo de nuevo.
unassign-button = Devolverlo
unassign-done = Su token se ha devuelto
    .text = Hecho.
sure-keep = Conservarlo

environment-lead = Desde dónde entra. De cada entrada guardamos los nombres del navegador y del sistema, el primer idioma, la zona horaria, el tamaño de la pantalla y la red; ninguna versión, ningún lugar, nada de lo que hace.
environment-none = Aún no se conoce nada.
    .text = Su próxima entrada aparecerá aquí.
environment-device = { $browser ->
    [unknown] Navegador desconocido
   *[other] { $browser }
    } en { $system ->
    [unknown] un sistema desconocido
   *[other] { $system }
    }
environment-untold = sin indicar
environment-trait =
    .browser = Navegador
    .language = Idioma
    .time-zone = Zona horaria
    .screen = Pantalla
    .network = Red
environment-first-seen = Visto por primera vez
environment-last-seen = Visto por última vez
environment-alike = Parecido con este
environment-score = { $score } de 100
environment-score-differs = { $score } de 100: { $differences }
environment-this = Este
environment-trusted = De confianza
environment-name = El nombre que usted le da
    .save = Guardar
environment-trust = Confiar en él
    .no-longer = Dejar de confiar en él
environment-forget = Olvidarlo
environment-done =
    .named = El nombre se ha guardado.
    .trusted = El entorno es de confianza a partir de ahora.
    .untrusted = El entorno ya no es de confianza.
    .forgotten = El entorno se ha olvidado.
environment-travels = Un entorno de confianza se reconoce también desde otra red.
environment-policy-off = Las entradas inusuales no tienen aquí consecuencias.
environment-policy-report = Cuando una entrada no se parece a ninguno de estos en al menos { $score } de 100, se le avisa.
environment-policy-ask = Cuando una entrada no se parece a ninguno de estos en al menos { $score } de 100 y usted no tiene token, se le envía un código y se le pide; sin dirección de correo no se le deja entrar.
environment-policy-refuse = Cuando una entrada no se parece a ninguno de estos en al menos { $score } de 100, no se deja entrar a nadie y se le avisa.
environment-sign-ins = Sus últimas entradas
    .done = Ha entrado
    .tried = Intento, sin dejar entrar
environment-from = desde { $address }
environment-leave = Cerrar sesión en todas partes
    .hint = ¿Algo que no conoce? Cierre la sesión en todas partes y cambie después su contraseña.
