package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SignatureValue;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A real ledger whose steps can fail, before they were done or after. */
final class FaultyCrlLedger extends CrlLedger {
  enum Fault {
    NONE,
    NUMBER,
    NUMBER_TAKEN,
    RECORD,
    RECORDED,
    PUBLISH,
    PUBLISHED,
    EVERYTHING,
  }

  private final CrlLedger real;
  private final Map<BigInteger, Recorded> recorded = new ConcurrentHashMap<>();
  private final List<BigInteger> numbers = new CopyOnWriteArrayList<>();
  private volatile Fault fault = Fault.NONE;

  FaultyCrlLedger(CrlLedger real) {
    this.real = real;
  }

  void set(Fault fault) {
    this.fault = fault;
  }

  /** Every number that was given out. */
  List<BigInteger> numbers() {
    return numbers;
  }

  private void failAt(Fault step) {
    if (fault == step || fault == Fault.EVERYTHING) {
      throw new IllegalStateException("the database is away: secret detail");
    }
  }

  @Override
  public BigInteger nextNumber(IssuerId issuer) {
    failAt(Fault.NUMBER);
    BigInteger number = real.nextNumber(issuer);
    numbers.add(number);
    failAt(Fault.NUMBER_TAKEN);
    return number;
  }

  @Override
  protected void commit(PreparedCrl prepared) {
    failAt(Fault.RECORD);
    recorded.put(prepared.number(), real.record(prepared));
    failAt(Fault.RECORDED);
  }

  @Override
  protected boolean markPublished(PreparedCrl prepared, SignatureValue signature) {
    failAt(Fault.PUBLISH);
    boolean published = real.publish(recorded.get(prepared.number()), signature);
    failAt(Fault.PUBLISHED);
    return published;
  }

  @Override
  public Optional<PublishedCrl> current(IssuerId issuer) {
    failAt(Fault.EVERYTHING);
    return real.current(issuer);
  }

  @Override
  public Optional<BigInteger> currentNumber(IssuerId issuer) {
    failAt(Fault.EVERYTHING);
    return real.currentNumber(issuer);
  }
}
