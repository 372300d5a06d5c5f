package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.Octets;
import dev.chancery.core.PublishedCrl;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's copies of the published CRLs, in files of its own. A copy is only ever replaced by
 * one with a higher number, and goes on being served while the database is away.
 */
public final class CrlShelf {
  private static final Logger LOG = LoggerFactory.getLogger(CrlShelf.class);

  /** For how long another node's CRL can go unseen. */
  private static final Duration CHECK_AFTER = Duration.ofSeconds(1);

  /** A CRL as it is served: a whole file that is never changed, only deleted. */
  public record Copy(
      CrlName name,
      BigInteger number,
      Optional<BigInteger> base,
      Instant thisUpdate,
      Instant nextUpdate,
      Path file,
      long length,
      String sha256)
      implements Octets {
    /**
     * @throws java.nio.file.NoSuchFileException when a newer one came; it is on the shelf
     */
    @Override
    public InputStream open() throws IOException {
      return Files.newInputStream(file);
    }

    String entityTag() {
      return sha256.substring(0, 32);
    }
  }

  /**
   * What the ledger had when it was asked.
   *
   * @param answered false when it did not answer: then these are the numbers from before
   */
  private record Published(Instant at, Map<CrlName, BigInteger> numbers, boolean answered) {
    Published without(CrlName name) {
      Map<CrlName, BigInteger> others = new HashMap<>(numbers);
      others.remove(name);
      return new Published(at, others, false);
    }
  }

  private final CrlLedger ledger;
  private final Clock clock;
  private final Path folder;
  private final ConcurrentMap<CrlName, Copy> copies = new ConcurrentHashMap<>();
  private final ConcurrentMap<CrlName, ReentrantLock> locks = new ConcurrentHashMap<>();
  private final ReentrantLock asking = new ReentrantLock();
  private volatile @Nullable Published published;
  private boolean swept;

  /**
   * An empty shelf.
   *
   * @param folder for this shelf alone; what an earlier process left there is deleted when the
   *     first file is written
   */
  public CrlShelf(CrlLedger ledger, Clock clock, Path folder) {
    this.ledger = ledger;
    this.clock = clock;
    this.folder = folder;
  }

  /** Where there is room for a CRL that is being made. */
  synchronized Path folder() throws IOException {
    if (!swept) {
      try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, "*.{crl,part}")) {
        for (Path file : left) {
          Files.delete(file);
        }
      }
      swept = true;
    }
    return folder;
  }

  /**
   * The newest CRL of a name, not more than a second late. However many ask for whatever names, the
   * ledger is asked once a second for all of them, and each list is fetched by one.
   *
   * @throws RuntimeException when there is no copy yet and the ledger does not answer
   */
  Optional<Copy> current(CrlName name) {
    Published known = published();
    BigInteger number = known.numbers().get(name);
    Copy copy = copies.get(name);
    if (number != null && isNewer(number, copy)) {
      return fetchOnce(name, copy);
    }
    if (number == null && known.answered() && copy != null && name.delta()) {
      forget(name);
      return Optional.empty();
    }
    if (copy == null && !known.answered()) {
      throw new IllegalStateException("the ledger does not answer");
    }
    return Optional.ofNullable(copy);
  }

  /** The newest CRL of a name that came to this shelf; asks nobody. */
  Optional<Copy> lastKnown(CrlName name) {
    return Optional.ofNullable(copies.get(name));
  }

  /** Who finds another fetching a newer copy has the older one, or waits when there is none. */
  private Optional<Copy> fetchOnce(CrlName name, @Nullable Copy older) {
    ReentrantLock lock = lock(name);
    if (older == null) {
      lock.lock();
    } else if (!lock.tryLock()) {
      return Optional.of(older);
    }
    try {
      Copy copy = copies.get(name);
      if (copy == null && !published().numbers().containsKey(name)) {
        throw new IllegalStateException("the ledger did not answer whom this waited for");
      }
      if (copy != null && !copy.equals(older)) {
        return Optional.of(copy);
      }
      return refresh(name);
    } catch (RuntimeException e) {
      // Not tried again before the ledger is asked again.
      published = published().without(name);
      if (older == null) {
        throw e;
      }
      LOG.warn("the last known CRL of {} is served, no newer can be had: {}", name, e.toString());
      return Optional.of(older);
    } finally {
      lock.unlock();
    }
  }

  private Published published() {
    Published last = published;
    if (last != null && isYoung(last)) {
      return last;
    }
    if (last == null) {
      asking.lock();
    } else if (!asking.tryLock()) {
      return last;
    }
    try {
      last = published;
      if (last == null || !isYoung(last)) {
        last = ask(last == null ? Map.of() : last.numbers());
        published = last;
      }
      return last;
    } finally {
      asking.unlock();
    }
  }

  private Published ask(Map<CrlName, BigInteger> before) {
    Instant now = clock.instant();
    try {
      return new Published(now, ledger.currentNumbers(), true);
    } catch (RuntimeException e) {
      LOG.warn("the last known CRLs are served, no newer can be had: {}", e.toString());
      return new Published(now, before, false);
    }
  }

  private boolean isYoung(Published last) {
    return Duration.between(last.at(), clock.instant()).abs().compareTo(CHECK_AFTER) < 0;
  }

  /** There are no delta CRLs any more. */
  private void forget(CrlName name) {
    lock(name).lock();
    try {
      Copy copy = copies.get(name);
      if (copy != null && ledger.currentNumber(name).isEmpty()) {
        copies.remove(name);
        delete(copy.file());
      }
    } finally {
      lock(name).unlock();
    }
  }

  /**
   * The newest CRL of a name, as the ledger knows it at this moment.
   *
   * @throws UncheckedIOException when it cannot be written into its file
   */
  Optional<Copy> refresh(CrlName name) {
    Copy copy = copies.get(name);
    Optional<BigInteger> number = ledger.currentNumber(name);
    if (number.isPresent() && isNewer(number.get(), copy)) {
      fetch(name);
    }
    return Optional.ofNullable(copies.get(name));
  }

  /**
   * Takes a CRL that was just published here, so that it need not be fetched from the ledger: its
   * octets are those whose digest was signed.
   *
   * @throws IOException when it cannot be written into its file
   */
  void keep(PublishedCrl crl) throws IOException {
    CrlName name = new CrlName(crl.scope(), crl.base().isPresent());
    lock(name).lock();
    try {
      Copy before = copies.get(name);
      if (isNewer(crl.number(), before)) {
        copies.put(name, write(name, crl));
        if (before != null) {
          delete(before.file());
        }
      }
    } finally {
      lock(name).unlock();
    }
  }

  /** One thread fetches a CRL, which can be long; the others find it there when it has. */
  private void fetch(CrlName name) {
    lock(name).lock();
    try {
      Copy before = copies.get(name);
      Optional<PublishedCrl> current = ledger.current(name);
      while (current.isPresent() && isNewer(current.get().number(), before)) {
        PublishedCrl crl = current.get();
        try {
          copies.put(name, write(name, crl));
          break;
        } catch (IOException e) {
          // If it was dropped for a newer one while it was read, that one is wanted now.
          current = ledger.current(name);
          if (current.filter(newer -> newer.number().compareTo(crl.number()) > 0).isEmpty()) {
            throw new UncheckedIOException("CRL " + crl.number() + " of " + name, e);
          }
        }
      }
      if (before != null && !before.equals(copies.get(name))) {
        delete(before.file());
      }
    } finally {
      lock(name).unlock();
    }
  }

  private static boolean isNewer(BigInteger number, @Nullable Copy copy) {
    return copy == null || number.compareTo(copy.number()) > 0;
  }

  private ReentrantLock lock(CrlName name) {
    return locks.computeIfAbsent(name, any -> new ReentrantLock());
  }

  private Copy write(CrlName name, PublishedCrl crl) throws IOException {
    MessageDigest sha256 = sha256();
    Path part = Files.createTempFile(folder(), "crl", ".part");
    try {
      try (InputStream in = crl.encoded().open();
          OutputStream out = new DigestOutputStream(Files.newOutputStream(part), sha256)) {
        in.transferTo(out);
      }
      Path file = folder.resolve(name.path().replace('/', '_') + "." + crl.number() + ".crl");
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      return new Copy(
          name,
          crl.number(),
          crl.base(),
          crl.thisUpdate(),
          crl.nextUpdate(),
          file,
          Files.size(file),
          HexFormat.of().formatHex(sha256.digest()));
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("an old CRL stays in {}: {}", file, e.toString());
    }
  }
}
