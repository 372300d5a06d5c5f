package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.testing.DatabaseKind;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("The registry of issuers")
final class IssuerRegistryTest extends LedgerContract {
  @Test
  @DisplayName("finds an issuer by its key")
  void byKey() throws Exception {
    IssuerRegistry registry = new IssuerRegistry(database);
    SubjectPublicKey key = Certificates.newKey();
    assertThat(registry.find(key)).isEmpty();
    IssuerId name = new IssuerId("root-2");
    registry.register(name, key);
    assertThat(registry.find(key)).contains(name);
    assertThat(registry.find(Certificates.issuerKey())).contains(Certificates.ISSUER);
  }
}
