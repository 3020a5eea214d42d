/** How a client of the sample ledger pays. */
export type Habit = 'prompt' | 'slightly_late' | 'later_every_month' | 'seasonal' | 'stops_paying' | 'part_payer' | 'overpayer'

export type SampleClient = Readonly<{
  code: string
  name: string
  locale: string
  timeZone: string
  currency: string
  habit: Habit
  /** Days between two invoices to this client. */
  everyDays: number
  /** Days from the issue of an invoice to its due date. */
  termsDays: number
  /** The client's usual invoice, in whole units of its currency. */
  usualAmount: number
}>

type Entry = readonly [name: string, habit: Habit, currency: string, everyDays: number, termsDays: number, usualAmount: number]
type Group = Readonly<{ prefix: string; locale: string; timeZone: string; entries: readonly Entry[] }>

/**
 * The clients of the sample ledger. All are invented. The zones reach from UTC−11 to UTC+14, with daylight saving on both
 * hemispheres and none; the currencies have 0, 2 and 3 decimals.
 */
const groups: readonly Group[] = [
  {
    prefix: 'FA',
    locale: 'fa',
    timeZone: 'Asia/Tehran',
    entries: [
      ['نرم‌افزاری آرمان پردازش', 'prompt', 'IRR', 14, 30, 180_000_000],
      ['بازرگانی کیان سپهر', 'slightly_late', 'IRR', 10, 20, 95_000_000],
      ['مهندس لیلا رستگار', 'later_every_month', 'IRR', 30, 30, 320_000_000],
      ['کلینیک مهرگان', 'seasonal', 'IRR', 15, 14, 60_000_000],
      ['فروشگاه‌های زنجیره‌ای نارون', 'part_payer', 'IRR', 12, 30, 450_000_000],
      ['استودیو طراحی پَرنیان', 'overpayer', 'IRR', 30, 10, 75_000_000],
      ['حمل‌ونقل البرز ترابر', 'stops_paying', 'IRR', 18, 30, 210_000_000],
      ['دکتر بهرام یوسفی', 'prompt', 'EUR', 30, 14, 900],
      ['آموزشگاه زبان چکامه', 'slightly_late', 'IRR', 20, 21, 48_000_000],
      ['صادرات خشکبار زرین‌دشت', 'later_every_month', 'EUR', 30, 45, 7_400]
    ]
  },
  {
    prefix: 'HE',
    locale: 'he',
    timeZone: 'Asia/Jerusalem',
    entries: [
      ['אורן מערכות מידע בע״מ', 'prompt', 'ILS', 14, 30, 8_200],
      ['סטודיו תמר', 'slightly_late', 'ILS', 21, 30, 3_400],
      ['ד״ר יעל ברקאי', 'seasonal', 'ILS', 30, 14, 2_600],
      ['הובלות הגליל', 'later_every_month', 'ILS', 15, 30, 5_900],
      ['מאפיית שיבולים', 'part_payer', 'ILS', 10, 14, 1_250],
      ['אברהם כהן ובניו', 'stops_paying', 'ILS', 20, 30, 4_700],
      ['גלעד ייעוץ פיננסי', 'prompt', 'USD', 30, 30, 6_100],
      ['בית ספר לנגינה מיתר', 'overpayer', 'ILS', 30, 10, 1_900],
      ['רשת מרפאות אלון', 'slightly_late', 'ILS', 12, 45, 11_300],
      ['נועה שלו אדריכלות', 'later_every_month', 'ILS', 30, 30, 14_500]
    ]
  },
  {
    prefix: 'AZ',
    locale: 'az',
    timeZone: 'Asia/Baku',
    entries: [
      ['Xəzər Logistika MMC', 'prompt', 'AZN', 14, 30, 4_300],
      ['Günəş Tikinti', 'slightly_late', 'AZN', 12, 30, 9_800],
      ['Aygün Məmmədova', 'seasonal', 'AZN', 30, 14, 650],
      ['Şəki Şirniyyatı', 'part_payer', 'AZN', 10, 14, 380],
      ['Qarabağ Xalça Evi', 'later_every_month', 'AZN', 20, 30, 2_750],
      ['Nərgiz Klinikası', 'prompt', 'AZN', 15, 21, 1_900],
      ['Elçin Quliyev', 'stops_paying', 'AZN', 30, 30, 1_150],
      ['Bakı Proqram Mərkəzi', 'slightly_late', 'USD', 30, 30, 5_200],
      ['Ağcabədi Taxıl', 'seasonal', 'AZN', 15, 45, 7_600],
      ['Cəfərli Hüquq Bürosu', 'overpayer', 'AZN', 30, 10, 1_400]
    ]
  },
  {
    prefix: 'US',
    locale: 'en',
    timeZone: 'America/New_York',
    entries: [
      ['Northgate Analytics', 'prompt', 'USD', 14, 30, 7_900],
      ['Harbor Street Dental', 'slightly_late', 'USD', 15, 30, 2_300],
      ['Whitcomb & Daughters', 'later_every_month', 'USD', 20, 30, 4_100],
      ['Lake Placid Outfitters', 'seasonal', 'USD', 10, 14, 1_600],
      ['Pinecrest Property Group', 'part_payer', 'USD', 12, 30, 12_500],
      ['Gulfwind Trading', 'stops_paying', 'KWD', 15, 45, 2_100]
    ]
  },
  {
    prefix: 'EU',
    locale: 'en',
    timeZone: 'Europe/Berlin',
    entries: [
      ['Spree Robotics', 'prompt', 'EUR', 14, 30, 9_400],
      ['Bellwether Translations', 'slightly_late', 'EUR', 21, 14, 780],
      ['Alder & Finch', 'overpayer', 'GBP', 30, 10, 2_200],
      ['Tessel Print Works', 'part_payer', 'EUR', 10, 30, 1_350],
      ['Kestrel Freight', 'later_every_month', 'GBP', 15, 30, 3_800]
    ]
  },
  {
    prefix: 'NZ',
    locale: 'en',
    timeZone: 'Pacific/Auckland',
    entries: [
      ['Tui Lane Accounting', 'prompt', 'USD', 14, 20, 1_700],
      ['Southern Cross Kayaks', 'seasonal', 'USD', 12, 30, 2_900],
      ['Kowhai Instruments', 'slightly_late', 'JPY', 20, 30, 640_000],
      ['Rangitoto Foods', 'later_every_month', 'JPY', 30, 30, 1_150_000]
    ]
  },
  {
    prefix: 'KI',
    locale: 'en',
    timeZone: 'Pacific/Kiritimati',
    entries: [
      ['Line Islands Fisheries', 'slightly_late', 'USD', 15, 14, 3_300],
      ['Kiritimati Solar', 'prompt', 'JPY', 30, 30, 870_000]
    ]
  },
  {
    prefix: 'PP',
    locale: 'en',
    timeZone: 'Pacific/Pago_Pago',
    entries: [
      ['Tutuila Marine Supply', 'part_payer', 'USD', 14, 30, 5_600],
      ['Pago Harbour Ice', 'stops_paying', 'KWD', 30, 14, 450]
    ]
  }
]

export const sampleClients: readonly SampleClient[] = groups.flatMap(({ prefix, locale, timeZone, entries }) =>
  entries.map(([name, habit, currency, everyDays, termsDays, usualAmount], index) => ({
    code: `${prefix}-${String(index + 1).padStart(2, '0')}`,
    name,
    locale,
    timeZone,
    currency,
    habit,
    everyDays,
    termsDays,
    usualAmount
  }))
)
