package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("The ceremonies that were taken in")
final class CeremoniesTest extends LedgerContract {
  private static final String PLAN = "1".repeat(64);

  @Test
  @DisplayName("are one for each plan, by its first transcript")
  void once() {
    Ceremonies ceremonies = new Ceremonies(database, clock);

    assertThat(ceremonies.takeIn(PLAN, "a".repeat(64), "alice")).isEqualTo("a".repeat(64));
    assertThat(ceremonies.takeIn(PLAN, "a".repeat(64), "alice")).isEqualTo("a".repeat(64));
    assertThat(ceremonies.takeIn(PLAN, "b".repeat(64), "bob")).isEqualTo("a".repeat(64));
    assertThat(ceremonies.takeIn("2".repeat(64), "b".repeat(64), "bob")).isEqualTo("b".repeat(64));
    assertThat(auditEvents("import-ceremony")).isEqualTo(2);
  }
}
