package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Digest;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A real ledger whose steps can fail, before they were done or after. */
final class FaultyCrlLedger extends CrlLedger {
  /** The exit code of a process that died. */
  static final int DEAD = 137;

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
  private final Map<String, Recorded> recorded = new ConcurrentHashMap<>();
  private final List<BigInteger> numbers = new CopyOnWriteArrayList<>();
  private final AtomicInteger looks = new AtomicInteger();
  private volatile Fault fault = Fault.NONE;
  private volatile boolean deadly;

  FaultyCrlLedger(CrlLedger real) {
    this.real = real;
  }

  void set(Fault fault) {
    this.fault = fault;
  }

  /** Has the process die at a step, as by a power cut to it: nothing is closed or said. */
  void dieAt(Fault fault) {
    this.deadly = true;
    this.fault = fault;
  }

  /** Every number that was given out. */
  List<BigInteger> numbers() {
    return numbers;
  }

  private void failAt(Fault step) {
    if (fault == step && deadly) {
      Runtime.getRuntime().halt(DEAD);
    }
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
  protected Optional<Digest> commit(PreparedCrl prepared) throws IOException {
    failAt(Fault.RECORD);
    Optional<Recorded> real = this.real.record(prepared);
    real.ifPresent(known -> recorded.put(key(prepared), known));
    failAt(Fault.RECORDED);
    return real.map(Recorded::spend);
  }

  private static String key(PreparedCrl prepared) {
    return prepared.name() + " " + prepared.number();
  }

  private Signed real(Signed signed) {
    return new Signed(recorded.get(key(signed.recorded().prepared())), signed.signature());
  }

  @Override
  protected boolean markPublished(
      Signed complete, Optional<Signed> delta, Optional<BigInteger> base) {
    failAt(Fault.PUBLISH);
    boolean published = real.publish(real(complete), delta.map(this::real), base);
    failAt(Fault.PUBLISHED);
    return published;
  }

  @Override
  public Optional<PublishedCrl> current(CrlName name) {
    failAt(Fault.EVERYTHING);
    return real.current(name);
  }

  @Override
  public Optional<BigInteger> currentNumber(CrlName name) {
    failAt(Fault.EVERYTHING);
    return real.currentNumber(name);
  }

  @Override
  public Map<CrlName, BigInteger> currentNumbers() {
    looks.incrementAndGet();
    failAt(Fault.EVERYTHING);
    return real.currentNumbers();
  }

  /** How often someone has asked which CRLs there are. */
  int looks() {
    return looks.get();
  }

  @Override
  public Optional<PublishedCrl> base(CrlScope scope) {
    failAt(Fault.EVERYTHING);
    return real.base(scope);
  }

  @Override
  public void addLocation(CrlScope scope, URI location) {
    real.addLocation(scope, location);
  }

  @Override
  public List<URI> locations(CrlScope scope) {
    failAt(Fault.EVERYTHING);
    return real.locations(scope);
  }

  @Override
  public BigInteger locationsSince(CrlScope scope) {
    failAt(Fault.EVERYTHING);
    return real.locationsSince(scope);
  }

  @Override
  public List<CrlScope> scopes(IssuerId issuer) {
    failAt(Fault.EVERYTHING);
    return real.scopes(issuer);
  }
}
