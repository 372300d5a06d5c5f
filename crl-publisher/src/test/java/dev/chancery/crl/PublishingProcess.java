package dev.chancery.crl;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.SoftwareToken;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.TestDatabase;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jooq.Query;

/**
 * A publisher in a process of its own, which can be killed and whose disk can be full. It does what
 * the lines of its standard input say, and answers each with a line.
 */
final class PublishingProcess {
  private static final KeyId KEY = new KeyId("01");
  private static final long FIRST_SERIAL = 0x7F00_0000_0000L;
  private static final String CERTIFICATE =
      """
      insert into certificates (issuer, serial, state, profile, request_id, public_key_sha256,
        not_before, not_after, recorded_at, completed_at, tbs, signature_scheme, signature)
      values ('issuing', ?, 'revoked', 'tls-server',
        cast('00000000-0000-0000-0000-000000000000' as uuid), ?, now(),
        now() + interval '9' day, now(), now(), ?, 'ECDSA_SHA256', ?)
      """;
  private static final String REVOCATION =
      """
      insert into revocations (issuer, serial, revoked_at, reason, not_after, requested_by,
        recorded_at)
      values ('issuing', ?, now(), 4, now() + interval '9' day, 'test', now())
      """;

  /** What the processes of a test share. */
  record Place(TestDatabase database, Path key, Path shelf, Path directory) {
    /** The command that starts a process here. */
    List<String> command(List<String> jvm) {
      List<String> command = new ArrayList<>(jvm);
      command.addAll(List.of(database.url(), database.user(), database.password()));
      command.addAll(List.of(key.toString(), shelf.toString(), directory.toString()));
      return command;
    }
  }

  private final Database database;
  private final FaultyCrlLedger ledger;
  private final CrlShelf shelf;
  private final CrlPublisher publisher;
  private final DirectoryTarget target;

  private PublishingProcess(Place place) throws Exception {
    TestDatabase where = place.database();
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    ledger = new FaultyCrlLedger(new JooqCrlLedger(database, Clock.systemUTC()));
    shelf = new CrlShelf(ledger, Clock.systemUTC(), place.shelf());
    target = new DirectoryTarget(place.directory());
    publisher =
        new CrlPublisher(
            List.of(issuer(place.key())),
            ledger,
            new JooqRevocationLedger(database, Clock.systemUTC()),
            shelf,
            Clock.systemUTC(),
            name -> {});
  }

  /** Writes what the processes of a test sign with. */
  static void writeKey(Path folder, KeyPair pair, X509CertificateHolder certificate)
      throws IOException {
    Files.write(folder.resolve("private.der"), pair.getPrivate().getEncoded());
    Files.write(folder.resolve("public.der"), pair.getPublic().getEncoded());
    Files.write(folder.resolve("issuer.der"), certificate.getEncoded());
  }

  private static CrlIssuer issuer(Path folder) throws Exception {
    KeyFactory factory = KeyFactory.getInstance("EC", BouncyCastle.PROVIDER);
    KeyPair pair =
        new KeyPair(
            factory.generatePublic(
                new X509EncodedKeySpec(Files.readAllBytes(folder.resolve("public.der")))),
            factory.generatePrivate(
                new PKCS8EncodedKeySpec(Files.readAllBytes(folder.resolve("private.der")))));
    SoftwareToken token = new SoftwareToken();
    token.put(KEY, pair);
    return new CrlIssuer(
        CrlFixture.ISSUER,
        new X509CertificateHolder(Files.readAllBytes(folder.resolve("issuer.der"))),
        token.crlKey(KEY, SubjectPublicKey.of(pair.getPublic()), SigningScheme.ECDSA_SHA256),
        CrlFixture.SETTINGS);
  }

  /** Arguments: the URL of the database, user and password, and the folders of a {@link Place}. */
  public static void main(String[] arguments) throws Exception {
    PublishingProcess process =
        new PublishingProcess(
            new Place(
                new TestDatabase(arguments[0], arguments[1], arguments[2]),
                Path.of(arguments[3]),
                Path.of(arguments[4]),
                Path.of(arguments[5])));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      process.run(line);
    }
    process.database.close();
  }

  private void run(String line) throws Exception {
    String[] words = line.split(" ", -1);
    switch (words[0]) {
      case "die" -> {
        ledger.dieAt(FaultyCrlLedger.Fault.valueOf(words[1]));
        say("ready");
      }
      case "revoke" -> attempt(() -> revoke(database, Integer.parseInt(words[1])));
      case "publish" -> attempt(() -> publisher.publish(CrlFixture.SCOPE));
      case "put" -> attempt(() -> target.put(shelf.refresh(CrlFixture.NAME).orElseThrow()));
      case "forever" -> {
        say("ready");
        while (true) {
          publisher.publish(CrlFixture.SCOPE);
          target.put(shelf.refresh(CrlFixture.NAME).orElseThrow());
        }
      }
      default -> throw new IllegalArgumentException(line);
    }
  }

  /** Rows of revoked certificates, as far as CRLs are made of them. */
  static void revoke(Database database, int count) {
    database
        .sql()
        .transaction(configuration -> {
          List<Query> rows = new ArrayList<>();
          for (int i = 0; i < count; i++) {
            byte[] serial = BigInteger.valueOf(FIRST_SERIAL + i).toByteArray();
            rows.add(configuration.dsl().query(CERTIFICATE, serial, serial, serial, serial));
            rows.add(configuration.dsl().query(REVOCATION, serial));
          }
          configuration.dsl().batch(rows).execute();
        });
  }

  private interface Step {
    void run() throws Exception;
  }

  private static void attempt(Step step) throws Exception {
    try {
      step.run();
      say("done");
    } catch (IOException | UncheckedIOException e) {
      say("failed " + e);
    }
  }

  private static void say(String line) {
    System.out.println("> " + line);
    System.out.flush();
  }
}
