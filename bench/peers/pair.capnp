@0xc1a9d7f3b2e48561;

interface Sink {
  put @0 (bytes :Data) -> stream;
  putNumber @1 (number :Int64) -> stream;
}

interface Far {
  numbers @0 (first :UInt64, second :UInt64) -> (first :UInt64, second :UInt64);
  bytes @1 (bytes :Data) -> (bytes :Data);
  produce @2 (sink :Sink, count :Int64, size :UInt64) -> ();
}
