-- payroll of February
INSERT INTO payroll VALUES (1, 'Ann', 4200);
