//! Facts for questions, on the demo patient.
