package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.server.engine.Catalogue;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.engine.IssuingAuthority;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The certificate authority of a home that no server has open, for tests of what stands on it. */
record OpenedHome(
    Home home, Database database, OpenTokens tokens, IssuingAuthority authority, TimeOrderedIds ids)
    implements AutoCloseable {
  static final IssuerId ISSUING = new IssuerId("issuing");

  static OpenedHome open(Path directory, Clock clock) throws Exception {
    Home home = Home.open(directory);
    Configuration configuration = Configuration.read(home, Map.of());
    SecureRandom random = new SecureRandom();
    Database database = Databases.open(home, configuration.database(), name -> null);
    OpenTokens tokens = OpenTokens.open(home, configuration, random, name -> TokenObserver.NONE);
    List<Issuer> issuers = new ArrayList<>();
    for (KeyedIssuer issuer :
        KeyedIssuer.open(
            LoadedIssuer.all(
                home,
                configuration.issuers(),
                TrustBundle.read(List.of(home.rootCertificate())),
                clock.instant()),
            tokens,
            new IssuerRegistry(database))) {
      issuers.add(issuer.forIssuing(Addresses.of(configuration.externalUrls(), 8080, 8443), 0));
    }
    return new OpenedHome(
        home,
        database,
        tokens,
        new IssuingAuthority(
            new Catalogue(issuers, configuration.profiles(home).values()),
            new JooqIssuanceLedger(database, clock),
            new JooqRevocationLedger(database, clock),
            clock,
            random,
            issuer -> {}),
        new TimeOrderedIds(clock, random));
  }

  @Override
  public void close() {
    tokens.close();
    database.close();
  }
}
