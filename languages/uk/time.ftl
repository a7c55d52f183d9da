# Dates, durations and clocks.

time-month = { $month ->
    [1] січня
    [2] лютого
    [3] березня
    [4] квітня
    [5] травня
    [6] червня
    [7] липня
    [8] серпня
    [9] вересня
    [10] жовтня
    [11] листопада
   *[12] грудня
    }
time-day = { $day } { time-month }
time-day-and-year = { $day } { time-month } { $year } р.
time-today = сьогодні { $time } UTC
time-yesterday = учора { $time } UTC
time-tomorrow = завтра { $time } UTC
time-at = { $day } { $time } UTC
time-secs = { $secs } с
time-mins = { $shown } хв
time-mins-secs = { $shown } хв { $small } с
time-hours = { $shown } год
time-hours-mins = { $shown } год { $small } хв
time-days = { $large ->
    [one] { $shown } день
    [few] { $shown } дні
   *[other] { $shown } днів
    }
time-days-hours = { $large ->
    [one] { $shown } день { $small } год
    [few] { $shown } дні { $small } год
   *[other] { $shown } днів { $small } год
    }
time-clock-right = іде правильно
time-clock-slow = відстає на { $duration }
time-clock-fast = поспішає на { $duration }
