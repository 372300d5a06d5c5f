package dev.chancery.server;

import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.server.ceremony.Outcome;
import dev.chancery.store.Ceremonies;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * Has the ledgers of a server know what a ceremony made, and then takes its list, which may be
 * refused. Done anew, after a run that ended wherever it did, it does what is left.
 */
final class LedgerImport {
  private final Database database;
  private final Clock clock;
  private final SecureRandom random;
  private final Consumer<OfflineRoot.Step> done;

  /**
   * @param done told of each step when it is done
   */
  LedgerImport(
      Database database, Clock clock, SecureRandom random, Consumer<OfflineRoot.Step> done) {
    this.database = database;
    this.clock = clock;
    this.random = random;
    this.done = done;
  }

  /**
   * What the ledgers have taken in.
   *
   * @param said in words
   * @param revocations of certificates of the ceremony
   */
  record Taken(List<String> said, List<Revocation> revocations) {
    /** That of a certificate of the ceremony. */
    Optional<Revocation> revocation(X509CertificateHolder certificate) {
      SerialNumber serial = SerialNumber.of(certificate.getSerialNumber());
      return revocations.stream().filter(each -> each.serial().equals(serial)).findFirst();
    }
  }

  /**
   * Takes a ceremony.
   *
   * @param crlWanted whether a CRL that cannot be published is a refusal: what an issuer's ceremony
   *     made beside its certificate may be older than what is published
   * @throws CommandFailed when another ceremony of its plan was taken, or its CRL is refused; what
   *     was signed is known all the same in the second case
   */
  Taken take(Outcome outcome, boolean crlWanted) throws CommandFailed, Refused {
    IssuerId root = new RootNames(new IssuerRegistry(database)).register(outcome.root());
    IssuanceLedger issuance = new JooqIssuanceLedger(database, clock);
    RevocationLedger revocations = new JooqRevocationLedger(database, clock);
    RootCrlImport lists =
        new RootCrlImport(
            new RootCrlImport.Ledgers(issuance, revocations, new JooqCrlLedger(database, clock)),
            root,
            clock);
    requireFirst(outcome, lists);
    done.accept(OfflineRoot.Step.CEREMONY);

    // 1. What the root's key has signed, or may have: true whatever becomes of the list.
    List<String> said = new ArrayList<>();
    if (outcome.isLate()) {
      said.add("the ceremony is " + outcome.end());
    }
    TimeOrderedIds ids = new TimeOrderedIds(clock, random);
    int taken = outcome.recordIn(issuance, root, ids);
    // A list that was imported before may revoke some of it.
    lists.revokePublished();
    done.accept(OfflineRoot.Step.CERTIFICATES);
    said.add("certificates that the ledger did not know: " + taken);
    List<SerialNumber> givenUp = outcome.recordGivenUpIn(issuance, revocations, root, ids);
    done.accept(OfflineRoot.Step.GIVEN_UP);
    if (outcome.crl().isEmpty()) {
      // None of this plan is taken any more; the ceremony, or a second one of it, may have signed
      // one.
      outcome.plannedCrlNumber().ifPresent(lists::giveUp);
    }
    done.accept(OfflineRoot.Step.LIST_GIVEN_UP);

    // 2. The list, if it may take the place of the one that is published.
    said.addAll(takeList(outcome, lists, givenUp, crlWanted));
    return new Taken(
        List.copyOf(said),
        outcome.serials().stream()
            .flatMap(serial -> issuance.find(root, serial).stream())
            .flatMap(certificate -> certificate.revocation().stream())
            .toList());
  }

  /** Refuses a ceremony of a plan of which another one was imported; what it signed is signed. */
  private void requireFirst(Outcome outcome, RootCrlImport lists) throws CommandFailed {
    String known =
        new Ceremonies(database, clock)
            .takeIn(outcome.planDigest(), outcome.transcriptDigest(), outcome.ceremony());
    if (known.equals(outcome.transcriptDigest())) {
      return;
    }
    // Of one plan, the lists of both have one number, and it is the first one's until that was
    // taken, refused, or is known not to come.
    if (outcome.plannedCrlNumber().filter(own -> own.compareTo(lists.next()) >= 0).isPresent()) {
      throw new CommandFailed(
          "another ceremony of this plan was imported, whose transcript ends with %s, and not to its"
                  .formatted(known)
              + " end: import that one again first, and then this one");
    }
    List<SerialNumber> unknown = lists.unknown(outcome.serials());
    throw new CommandFailed(
        "another ceremony of this plan was imported, whose transcript ends with %s: what was signed"
                .formatted(known)
            + " a second time is not taken, and its root is to be looked into%s; the number of the"
                .formatted(
                    unknown.isEmpty() ? "" : "; the next plan is to revoke " + joined(unknown))
            + " next list is %d or higher".formatted(lists.next()));
  }

  private List<String> takeList(
      Outcome outcome, RootCrlImport lists, List<SerialNumber> givenUp, boolean crlWanted)
      throws CommandFailed {
    Optional<X509CRLHolder> list = outcome.crl();
    Optional<BigInteger> over = lists.published();
    Optional<String> tooLow = Optional.empty();
    boolean published = list.isPresent() && lists.isPublished(list.get());
    if (list.isPresent() && !published) {
      tooLow = lists.tooLow(list.get(), outcome.crlNumber());
      if (tooLow.isPresent() && crlWanted) {
        throw new CommandFailed(
            "the root's CRL of the ceremony has number %d, and %s: the list is not taken"
                .formatted(outcome.crlNumber(), tooLow.get()));
      }
    }
    List<String> said = new ArrayList<>();
    if (!givenUp.isEmpty()) {
      said.add(
          "given up, and revoked in the ledger: %s%s"
              .formatted(
                  joined(givenUp),
                  list.isPresent() && tooLow.isEmpty()
                      ? ""
                      : "; the next ceremony owes a CRL that revokes them"));
    }
    if (outcome.givenUpCrlNumber().isPresent()) {
      said.add(
          "no CRL: number %d was given up, and counts as used; the next one's is %d or higher"
              .formatted(outcome.crlNumber(), lists.next()));
    } else if (list.isEmpty()) {
      said.add("no CRL: the ceremony made none");
    } else if (tooLow.isPresent()) {
      said.add("not the root's CRL number %d: %s".formatted(outcome.crlNumber(), tooLow.get()));
    } else {
      lists.revoke(list.get(), outcome.crlNumber(), "ceremony " + outcome.ceremony());
      done.accept(OfflineRoot.Step.REVOCATIONS);
      if (!published) {
        lists.publish(outcome, over);
        done.accept(OfflineRoot.Step.LIST);
      }
      said.add("the root's CRL number " + outcome.crlNumber());
    }
    return said;
  }

  private static String joined(List<SerialNumber> serials) {
    return String.join(", ", serials.stream().map(SerialNumber::toString).toList());
  }
}
