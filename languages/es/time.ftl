# Dates, durations and clocks.

time-month = { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
    }
time-day = { $day } de { time-month }
time-day-and-year = { $day } de { time-month } de { $year }
time-today = hoy { $time } UTC
time-yesterday = ayer { $time } UTC
time-tomorrow = mañana { $time } UTC
time-at = { $day } { $time } UTC
time-secs = { $secs } s
time-mins = { $shown } min
time-mins-secs = { $shown } min { $small } s
time-hours = { $shown } h
time-hours-mins = { $shown } h { $small } min
time-days = { $large ->
    [one] { $shown } día
   *[other] { $shown } días
    }
time-days-hours = { $large ->
    [one] { $shown } día { $small } h
   *[other] { $shown } días { $small } h
    }
time-clock-right = va bien
time-clock-slow = va atrasado { $duration }
time-clock-fast = va adelantado { $duration }
