package dev.chancery.server;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.store.JooqCrlLedger;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CRLEntryHolder;
import org.bouncycastle.cert.X509CRLHolder;

/**
 * Takes the CRL of a root out of a ceremony. A list of a root is a statement of all that it has
 * revoked: one that forgets something would make it good again, and is refused.
 */
final class RootCrlImport {
  /** The ledgers of a server. */
  record Ledgers(IssuanceLedger issuance, RevocationLedger revocations, JooqCrlLedger crls) {}

  private final Ledgers ledgers;
  private final IssuerId root;
  private final Clock clock;

  RootCrlImport(Ledgers ledgers, IssuerId root, Clock clock) {
    this.ledgers = ledgers;
    this.root = root;
    this.clock = clock;
  }

  /** Whether the very list is published already. */
  boolean isPublished(X509CRLHolder list) {
    return current().map(RootCrl::decoded).filter(list::equals).isPresent();
  }

  /**
   * Why the number of a list keeps it from being published; empty when it does not.
   *
   * @throws CommandFailed when the list is not {@link #requireWhole whole}
   */
  Optional<String> tooLow(X509CRLHolder list, BigInteger number) throws CommandFailed {
    Optional<BigInteger> published =
        current().map(PublishedCrl::number).filter(known -> known.compareTo(number) >= 0);
    if (published.isPresent()) {
      return Optional.of(published.get() + " is published");
    }
    try {
      requireWhole(list);
    } catch (CommandFailed e) {
      // It is signed all the same, and whoever has it takes it for the one of its number.
      ledgers.crls().useNumber(root, number);
      throw new CommandFailed(
          "%s; the number of the next list is %d or higher".formatted(e.getMessage(), next()));
    }
    return next().compareTo(number) > 0
        ? Optional.of(
            ("a list with a number up to %d was given up, or refused: the next one's is %d or"
                    + " higher")
                .formatted(next().subtract(BigInteger.ONE), next()))
        : Optional.empty();
  }

  /**
   * Has the number of a list that a ceremony gave up count as used: the root may have signed it,
   * and two lists of one number and other contents would be taken for one (RFC 5280 5.2.3).
   */
  void giveUp(BigInteger number) {
    ledgers.crls().useNumber(root, number);
  }

  /** The lowest number that the next list may have. */
  BigInteger next() {
    return ledgers.crls().usedNumber(root).add(BigInteger.ONE);
  }

  private Optional<PublishedCrl> current() {
    return RootCrl.current(ledgers.crls(), root);
  }

  /**
   * Refuses a list that lacks what the published one or the ledger says is revoked, or says
   * something else of it than either. What was on hold may be revoked for good.
   *
   * @throws CommandFailed with the serial numbers
   */
  void requireWhole(X509CRLHolder list) throws CommandFailed {
    requireReasons(list);
    requireFinal(list);
    requireAsKnown(list);
    Instant made = list.getThisUpdate().toInstant();
    SortedSet<SerialNumber> lacking =
        new RootCrl(root, ledgers.crls(), ledgers.revocations(), clock).lacking(list, made);
    Optional<PublishedCrl> current = current();
    if (current.isPresent()) {
      X509CRLHolder published = RootCrl.decoded(current.get());
      requireReasons(published);
      for (X509CRLEntryHolder entry : entries(published)) {
        X509CRLEntryHolder now = list.getRevokedCertificate(entry.getSerialNumber());
        if (now == null && !mayGo(entry, made)) {
          lacking.add(SerialNumber.of(entry.getSerialNumber()));
        }
        if (now != null && !said(now).equals(said(entry)) && !isHeld(entry)) {
          throw new CommandFailed(
              "the root's CRL revokes %s at %s, and the published one at %s: what was said once stays"
                  .formatted(SerialNumber.of(entry.getSerialNumber()), said(now), said(entry)));
        }
      }
    }
    if (!lacking.isEmpty()) {
      throw new CommandFailed(
          "the root's CRL lacks %d certificates that are revoked: %s; a ceremony whose plan revokes"
                  .formatted(
                      lacking.size(),
                      lacking.stream()
                          .map(SerialNumber::toString)
                          .collect(Collectors.joining(", ")))
              + " them too is needed");
    }
  }

  /**
   * What is not a reason is not taken for one, in the list that comes or in the one that is there.
   */
  private static void requireReasons(X509CRLHolder list) throws CommandFailed {
    for (X509CRLEntryHolder entry : entries(list)) {
      try {
        RevocationReason _ = reason(entry);
      } catch (IllegalArgumentException e) {
        throw new CommandFailed(
            "a CRL of the root has for %s %s"
                .formatted(SerialNumber.of(entry.getSerialNumber()), e.getMessage()));
      }
    }
  }

  /** A whole list revokes, each certificate once; it releases nothing, and holds nothing. */
  private static void requireFinal(X509CRLHolder list) throws CommandFailed {
    Set<BigInteger> serials = new HashSet<>();
    for (X509CRLEntryHolder entry : entries(list)) {
      SerialNumber serial = SerialNumber.of(entry.getSerialNumber());
      if (!serials.add(entry.getSerialNumber())) {
        throw new CommandFailed("the root's CRL has two entries for " + serial);
      }
      RevocationReason reason = reason(entry);
      if (reason == RevocationReason.REMOVE_FROM_CRL || isHeld(entry)) {
        throw new CommandFailed(
            "the root's CRL has %s for %s, which does not revoke for good"
                .formatted(reason, serial));
      }
    }
  }

  /**
   * What the ledger says of a certificate it has told others, in OCSP answers. Not so of one that
   * was given up: nobody has it, and whoever came first has revoked it, at a time of his own.
   */
  private void requireAsKnown(X509CRLHolder list) throws CommandFailed {
    for (X509CRLEntryHolder entry : entries(list)) {
      SerialNumber serial = SerialNumber.of(entry.getSerialNumber());
      Optional<String> known =
          ledgers
              .issuance()
              .find(root, serial)
              .filter(record -> record.certificate().isPresent())
              .flatMap(CertificateRecord::revocation)
              .filter(revocation -> revocation.reason() != RevocationReason.CERTIFICATE_HOLD)
              .map(revocation -> said(revocation.at(), revocation.reason()))
              .filter(said -> !said.equals(said(entry)));
      if (known.isPresent()) {
        throw new CommandFailed(
            "the root's CRL revokes %s at %s, and the database at %s: what was said once stays"
                .formatted(serial, said(entry), known.get()));
      }
    }
  }

  private static String said(X509CRLEntryHolder entry) {
    return said(entry.getRevocationDate().toInstant(), reason(entry));
  }

  /** To the second, as lists have it. */
  private static String said(Instant at, RevocationReason reason) {
    return "%s, %s".formatted(at.truncatedTo(ChronoUnit.SECONDS), reason);
  }

  private static boolean isHeld(X509CRLEntryHolder entry) {
    return reason(entry) == RevocationReason.CERTIFICATE_HOLD;
  }

  /** What has ended need not stand there any more, nor what was taken from its hold. */
  private boolean mayGo(X509CRLEntryHolder entry, Instant made) {
    Optional<CertificateRecord> known =
        ledgers.issuance().find(root, SerialNumber.of(entry.getSerialNumber()));
    return known
        .filter(record ->
            record.notAfter().isBefore(made)
                || (record.state() == CertificateRecord.State.ISSUED && isHeld(entry)))
        .isPresent();
  }

  /** Has the ledger know as revoked what the list revokes and the ledger knows at all. */
  void revoke(X509CRLHolder list, String by) {
    for (X509CRLEntryHolder entry : entries(list)) {
      RevocationLedger.Outcome _ =
          ledgers
              .revocations()
              .revoke(
                  new Revocation(
                      root,
                      SerialNumber.of(entry.getSerialNumber()),
                      reason(entry),
                      entry.getRevocationDate().toInstant(),
                      Optional.empty(),
                      by));
    }
  }

  private static List<X509CRLEntryHolder> entries(X509CRLHolder list) {
    List<X509CRLEntryHolder> entries = new ArrayList<>();
    // Bouncy Castle gives a collection without a type.
    for (Object entry : list.getRevokedCertificates()) {
      entries.add((X509CRLEntryHolder) entry);
    }
    return entries;
  }

  private static RevocationReason reason(X509CRLEntryHolder entry) {
    return RevocationReason.in(entry.getExtension(Extension.reasonCode));
  }
}
