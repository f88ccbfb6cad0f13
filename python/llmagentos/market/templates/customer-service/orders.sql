-- An example. A database of your own needs the same two tables.
CREATE TABLE orders (
  number TEXT PRIMARY KEY,      -- as customers know it: AP- and five digits
  mail TEXT NOT NULL,
  placed TEXT NOT NULL,         -- a day, as 2026-02-24
  status TEXT NOT NULL CHECK (status IN ('paid', 'packed', 'shipped', 'delivered', 'cancelled')),
  carrier TEXT,
  tracking TEXT,
  expected TEXT                 -- the day on which it should arrive, or arrived
);
CREATE TABLE items (number TEXT NOT NULL REFERENCES orders, name TEXT NOT NULL, quantity INTEGER NOT NULL, cents INTEGER NOT NULL);

INSERT INTO orders VALUES
  ('AP-10391', 'ann@example.org', '2026-02-12', 'delivered', 'DHL', 'JD0146001', '2026-02-16'),
  ('AP-10442', 'ann@example.org', '2026-02-24', 'shipped', 'DHL', 'JD0146093', '2026-03-03'),
  ('AP-10457', 'bo@example.org', '2026-03-01', 'paid', NULL, NULL, '2026-03-05'),
  ('AP-10460', 'cleo@example.org', '2026-03-01', 'packed', 'GLS', NULL, '2026-03-04');
INSERT INTO items VALUES
  ('AP-10391', 'Cast iron pan, 28 cm', 1, 6900),
  ('AP-10442', 'Stoneware bowl, blue', 4, 1450),
  ('AP-10442', 'Water jug, 1.5 l', 1, 3200),
  ('AP-10457', 'Storage jar, 1 l', 6, 890),
  ('AP-10460', 'Salad bowl, oak', 1, 5400);
